"""The report page: every grade with what it was made of, and a reader's second opinion."""

from toolkit.report.page import Study, check_report, is_page, write_report

__all__ = ["Study", "check_report", "is_page", "write_report"]
