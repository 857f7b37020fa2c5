"""The main job: train, judge and open up networks on one data set, step by step into one run folder."""
