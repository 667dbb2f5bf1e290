#include "proxy/routing/sort_query.h"

#include <algorithm>
#include <charconv>

#include "protocol/ascii.h"

namespace slotless::routing {

namespace {

std::optional<std::int64_t> integerIn(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return value;
}

}  // namespace

std::optional<SortQuery> parseSort(protocol::Argv argv) {
  if (argv.size() < 2) return std::nullopt;
  SortQuery query;
  query.key = argv[1];
  for (std::size_t i = 2; i < argv.size(); ++i) {
    const auto is = [&](std::string_view word) { return protocol::equalsIgnoringCase(argv[i], word); };
    const std::size_t left = argv.size() - i - 1;
    if (is("asc") || is("desc")) {
      query.descending = is("desc");
    } else if (is("alpha")) {
      query.alpha = true;
    } else if (is("limit") && left >= 2) {
      const auto offset = integerIn(argv[i + 1]);
      const auto count = integerIn(argv[i + 2]);
      if (!offset || !count) return std::nullopt;
      query.offset = *offset;
      query.count = *count;
      i += 2;
    } else if (is("store") && left >= 1) {
      query.store = argv[++i];
    } else if (is("by") && left >= 1) {
      query.by = argv[++i];
      if (query.by.empty()) query.by = "nosort";  // as good as any pattern without '*'
    } else if (is("get") && left >= 1) {
      query.get.emplace_back(argv[++i]);
    } else {
      return std::nullopt;
    }
  }
  return query;
}

std::optional<SortLookUp> sortLookUp(std::string_view pattern, std::string_view element) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return std::nullopt;
  SortLookUp found;
  std::string_view rest = pattern.substr(star + 1);
  const std::size_t arrow = rest.find("->");
  if (arrow != std::string_view::npos && arrow + 2 < rest.size()) {
    found.field = rest.substr(arrow + 2);
    rest = rest.substr(0, arrow);
  }
  found.key.append(pattern.substr(0, star)).append(element).append(rest);
  return found;
}

SortRange limitedRange(std::size_t count, const SortQuery& query) {
  const auto size = static_cast<std::int64_t>(count);
  const std::int64_t begin = std::clamp<std::int64_t>(query.offset, 0, size);
  const std::int64_t end = query.count < 0 || query.count > size - begin ? size : begin + query.count;
  return {static_cast<std::size_t>(begin), static_cast<std::size_t>(end)};
}

}  // namespace slotless::routing
