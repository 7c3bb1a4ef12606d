"""Generated scenes: digits or shapes scattered on a canvas, still or moving, with the truth of what is where.

`generator.Canvas` makes batches of `scenes.Scenes` and `scenes.Videos`: images with padded boxes, class maps and
instance maps; `captions` describes them in words. A scene is a function of the seed and its index alone.
"""
