// What a logged-in user may do by the status page: each by its name, with an argument or none.
#pragma once
#include <string>
#include <string_view>

#include "proxy/page/page_sources.h"

namespace slotless::page {

struct Outcome {
  int status = 200;
  std::string text;  // what has been done, or why not
};

// The longest pause: it ends by itself, whoever has forgotten it.
inline constexpr std::chrono::minutes kLongestPause{60};

// `argument`: the number that the action needs (milliseconds of a pause, the id of a client), if it came with
// one. 404: there is no such action.
Outcome perform(PageSources& sources, std::string_view action, std::optional<std::int64_t> argument,
                const std::string& who);

}  // namespace slotless::page
