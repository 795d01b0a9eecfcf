"""The set-up under which amavisd-new was observed, as an administrator of ours would write it."""

import tomllib

GOLDEN_POLICY = tomllib.loads("""
local_domains = ["example.com"]
bounces = true                                # amavisd-new sends notices to whoever is named as the sender

[destinies]
virus = "reject"
banned = "reject"
spam = "reject"
bad_header = "reject"
oversized = "bounce"
unchecked = "pass"

[mixed]
virus = "bounce"
banned = "bounce"
spam = "bounce"
bad_header = "bounce"

[spam_levels]
dsn_cutoff = 10

[lovers]
virus = ["lover@example.com"]
banned = ["lover@example.com"]
spam = ["lover@example.com"]
bad_header = ["lover@example.com"]

[bypass]
virus = ["bypass@example.com"]
banned = ["bypass@example.com"]
spam = ["bypass@example.com"]
bad_header = ["bypass@example.com"]

[address_extension]
virus = "+virus"
spam = "+spam"

[message_size_limit]
"small@example.com" = 70000
""")
