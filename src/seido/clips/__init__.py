"""From recordings to training-ready clips: log-mel, region, retiming, cutting, splitting, storing."""
