// The answer of INFO, CLUSTER INFO and the like: lines of NAME:VALUE.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slotless::subcommand {

class InfoText {
 public:
  explicit InfoText(std::string_view text);

  // Empty: there is no such line.
  std::string_view value(std::string_view name) const noexcept;
  // 0: there is none, or it is no number.
  std::int64_t number(std::string_view name) const noexcept;
  const std::vector<std::pair<std::string, std::string>>& lines() const noexcept { return lines_; }

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

// Of a line's value that is FIELD=VALUE,FIELD=VALUE: 0 if it has no such field.
std::int64_t infoField(std::string_view value, std::string_view field) noexcept;

// The numbers and sizes in the answer of INFO keyspace.
std::map<std::uint32_t, std::uint64_t> databasesIn(std::string_view info);

}  // namespace slotless::subcommand
