// How a source says what it wants. Compilers other than Iris's ignore these attributes, so that a subscription also
// builds as ordinary C++.
#pragma once

#include <iris/event.hpp>

#if defined(__clang__)
#define IRIS_ANNOTATE(...) [[clang::annotate(__VA_ARGS__)]]
#else
#define IRIS_ANNOTATE(...)
#endif

// Before a function, or between `struct` and its name: runs for connections and sessions that match FILTER, a string
// literal in the filter language.
#define IRIS_CALLBACK(FILTER) IRIS_ANNOTATE("iris.callback", FILTER)

// Before a function, or between `struct` and its name: answers whether it wants a connection, or a session, by an
// iris::FilterResult; filters of the same source name it. iris/filter.hpp says when it is asked.
#define IRIS_FILTER IRIS_ANNOTATE("iris.filter")

// Before a function or a method: the event at which it runs, an enumerator of iris::Event.
#define IRIS_ON(EVENT) IRIS_ANNOTATE("iris.on", static_cast<unsigned>(::iris::Event::EVENT))
