"""What every number means, in one or two sentences: they go into report.json and report.html as they stand here."""

from __future__ import annotations

LOWER_IS_BETTER = frozenset(
    {"mistake_distance", "nll", "brier", "fpr95", "aurc", "eaurc", "augrc", "ause", "ause_mass", "ece"}
)

DEFINITIONS = {
    "miou": "mean over the classes that masks or answers hold of IoU, TP / (TP + FP + FN), counted over all images "
    "together",
    "iou": "TP / (TP + FP + FN) of one class, counted over all images together",
    "pixel_accuracy": "right pixels / labelled pixels",
    "class_accuracy": "mean recall over classes; which classes take part is the convention's",
    "mean_precision": "mean over classes of TP / (TP + FP); which classes take part is the convention's",
    "mean_f1": "mean over classes of 2 TP / (2 TP + FP + FN), the Dice score; which classes take part is the "
    "convention's",
    "fwiou": "frequency-weighted IoU: mean IoU weighted by the classes' shares of the labelled pixels",
    "image_miou": "mean over images of the image's own mIoU, over the classes that its mask or its answer holds",
    "image_miou_pairs": "mean IoU over all pairs of an image and a class that its mask or its answer holds "
    "(torchmetrics.segmentation.MeanIoU)",
    "boundary_iou": "Boundary IoU (Cheng et al. 2021), semantic: each class's pixels within the tolerance (Chebyshev) "
    "of its edge, the image's border included; counted over all images together; pixels within the tolerance of void "
    "ones are left out; mean over classes",
    "boundary_f": "F of label edges of any class, matched within the tolerance (Euclidean), counted over all images "
    "together; edges within the tolerance of void pixels are left out on both sides",
    "confidence_boundary": "the boundary map of the confidence plane, thinned to ridges, against the masks' edges at "
    "every threshold; precision over ridge pixels, recall over edge pixels",
    "correlation": "Pearson correlation, in each image, of confidence with the distance to the nearest pixel of "
    "another class; mean over images",
    "zones": "boundary: labelled pixels within 10 pixels of another class; background: other pixels of the background "
    "class, if one is named; interior: the rest",
    "mistake_distance": "mean number of edges of the class tree between the true and the answered class, over wrong "
    "pixels",
    "levels": "truth and answer replaced by their ancestors at a depth of the class tree; classes that end above it "
    "stand for themselves",
    "relaxed": "sibling: mistakes below the same parent are forgiven; cousin: below the same grandparent. 'mapped' "
    "replaces truth and answer by that node and scores there (the reference's TensorFlow metrics), 'moved' counts such "
    "mistakes as hits of the true class (its NumPy metrics)",
    "auroc": "probability that a wrong pixel has less confidence than a right one, ties half",
    "aupr": "average precision of finding wrong pixels by low confidence, not interpolated, ties grouped",
    "fpr95": "share of the right pixels that are flagged when at least 95 % of the wrong ones are",
    "aurc": "mean over k of the share of wrong pixels among the k surest; the expected value where confidences tie",
    "eaurc": "AURC minus that of the best possible order of the same pixels",
    "augrc": "area under the generalised risk, wrong pixels among the k surest / all pixels (Traub et al. 2024)",
    "ause": "area between the mean error of what remains as the least sure pixels are removed and the same for the "
    "best possible order, as a share of the error with none removed (Ilg et al. 2018)",
    "ause_mass": "the same for the remaining errors as a share of all errors (torch-uncertainty)",
    "ece": "expected calibration error: 15 equal bins [a, b) of confidence / full scale, read as the probability of "
    "being right, the last closed; of the measures of hypseg only the calibrated one and the largest probability "
    "claim to be one",
    "pavpu": "share of pixels that are right and certain, or wrong and uncertain, at the best threshold (Mukhoti and "
    "Gal 2018), per pixel",
    "nll": "mean of -ln p(true class), with p no smaller than 2^-24",
    "brier": "mean squared distance of the class probabilities to 1 for the true class and 0 for the others",
    "per_class": "a measure's scores per class are over the pixels of that true class, from 4,096 levels of confidence",
    "unseen": "masks and answers are restricted to the classes of --unseen; confidence, NLL and Brier score remain "
    "those of the answer among all classes",
    "interval": "95 % interval over images: percentiles of bootstrap replicates in which every image takes part as "
    "often as a Poisson(1) variate says; AUROC and AURC of a replicate from 1,024 levels of "
    "confidence, and without interval where that is too coarse; none for a single image",
}
