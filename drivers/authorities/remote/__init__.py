"""CAs elsewhere, reached over HTTPS: what was asked of them is kept, so that no answer is counted twice."""
