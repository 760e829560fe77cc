"""The pigment features measured on phantoms: what they find and what moves them."""
