"""What labelling tools take and what they give back: CVAT's masks, COCO's and Label Studio's JSON, read and written."""
