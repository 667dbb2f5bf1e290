#include "proxy/access/sort_options.h"

#include <string_view>

#include "protocol/ascii.h"

namespace slotless::access {

// Source: Redis 7.0 sort.c sortCommandGeneric().
SortOptions sortOptionsOf(protocol::Argv argv) noexcept {
  SortOptions options;
  for (std::size_t i = 2; i < argv.size(); ++i) {
    const auto is = [&](std::string_view name, std::size_t values) {
      return argv.size() - i > values && protocol::equalsIgnoringCase(argv[i], name);
    };
    if (is("limit", 2)) {
      i += 2;
    } else if (is("store", 1)) {
      ++i;
    } else if (is("by", 1)) {
      options.by = options.by || argv[++i].find('*') != std::string_view::npos;
      options.byFirst = options.byFirst || (options.by && !options.get);
    } else if (is("get", 1)) {
      options.get = true;
      ++i;
    }
  }
  return options;
}

}  // namespace slotless::access
