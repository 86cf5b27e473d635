"""Measuring a detector against labelled pictures: label files, matching, and how well it finds each label.

labels    boxes that people drew; read from MOT (mot), COCO (coco) and YOLO (yolo) files, whose kind `kinds` tells
looked    what a detector found in each picture, as lines of JSON
matching  which found boxes are true
scores    precision and recall at every threshold, AP50, the best threshold
measure   all of it together, for one detector
"""
