"""The words of the service: message, finding, judgement."""
