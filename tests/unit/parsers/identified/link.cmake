# All of parsers/ is one library.
set(link iris_parsers)
