"""report.html: the page, its charts, its template."""
