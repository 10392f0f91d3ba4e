"""The mathematics of confidence: measures, planes, calibration, boundary maps. No drawing, no files."""
