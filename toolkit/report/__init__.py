"""The report page: every grade with what it was made of, and a reader's second opinion."""

from toolkit.report.page import ReportedRun, check_report, is_page, write_report

__all__ = ["ReportedRun", "check_report", "is_page", "write_report"]
