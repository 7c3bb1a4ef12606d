"""Moving pictures: prediction of frames, lip reading, articulation."""
