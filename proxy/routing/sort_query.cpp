#include "proxy/routing/sort_query.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "protocol/strict_integer.h"

namespace slotless::routing {

namespace {

constexpr std::string_view kSyntaxError = "ERR syntax error";
constexpr std::string_view kNoInteger = "ERR value is not an integer or out of range";

}  // namespace

std::optional<SortQuery> parseSort(protocol::Argv argv, SortStore store, std::string_view& error) {
  const auto refuse = [&](std::string_view words) {
    error = words;
    return std::optional<SortQuery>();
  };
  if (argv.size() < 2) return std::nullopt;
  SortQuery query;
  query.key = argv[1];
  query.readOnly = store == SortStore::Refused;
  for (std::size_t i = 2; i < argv.size(); ++i) {
    const auto is = [&](std::string_view word) { return protocol::equalsIgnoringCase(argv[i], word); };
    const std::size_t left = argv.size() - i - 1;
    if (is("asc") || is("desc")) {
      query.descending = is("desc");
    } else if (is("alpha")) {
      query.alpha = true;
    } else if (is("limit") && left >= 2) {
      const auto offset = protocol::strictInteger(argv[i + 1]);
      const auto count = protocol::strictInteger(argv[i + 2]);
      if (!offset || !count) return refuse(kNoInteger);
      query.offset = *offset;
      query.count = *count;
      i += 2;
    } else if (is("store") && left >= 1 && !query.readOnly) {
      query.store = argv[++i];
    } else if (is("by") && left >= 1) {
      query.by = argv[++i];
      if (query.by.find('*') == std::string::npos) {
        query.keepsOrder = true;
      } else {
        query.namesByPattern = true;
      }
    } else if (is("get") && left >= 1) {
      query.get.emplace_back(argv[++i]);
      query.namesByPattern = true;
    } else {
      return refuse(kSyntaxError);
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
