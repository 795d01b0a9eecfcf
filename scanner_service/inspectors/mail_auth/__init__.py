"""Who sent a message, as far as SPF, DKIM, DMARC and ARC can tell: facts, and no finding."""
