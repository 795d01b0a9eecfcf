"""The names of content categories as policies write them: ``virus``, ``unchecked``, ``unchecked.encrypted``."""

from scanner_service.model.finding import ContentCategory, SubCategory

_OF_BAD_HEADER = (
    SubCategory.MIME,
    SubCategory.EIGHT_BIT,
    SubCategory.CONTROL,
    SubCategory.SPACE,
    SubCategory.LONG,
    SubCategory.SYNTAX,
    SubCategory.MISSING,
    SubCategory.DUPLICATE,
)
_OF_UNCHECKED = (
    SubCategory.AMBIGUOUS,
    SubCategory.ENCRYPTED,
    SubCategory.NOT_DONE,
    SubCategory.OVER_LIMITS,
    SubCategory.TOO_BIG_FOR_ENGINE,
    SubCategory.UNDECODABLE,
)
SUB_CATEGORIES = {
    ContentCategory.SPAMMY: (SubCategory.TAG3,),
    ContentCategory.BAD_HEADER: _OF_BAD_HEADER,
    ContentCategory.UNCHECKED: _OF_UNCHECKED,
}

CATEGORIES = tuple(
    name
    for category in sorted(ContentCategory, reverse=True)
    if category is not ContentCategory.CLEAN
    for name in (category.word, *(f"{category.word}.{one}" for one in SUB_CATEGORIES.get(category, ())))
)
# What a recipient may not want to have looked for: a score is one check, whatever comes of it.
CHECKS = tuple(name for name in CATEGORIES if name.partition(".")[0] != ContentCategory.SPAMMY.word)
