// Options of a sub-command: `--name VALUE`, `--name=VALUE` and switches without a value, in any order among
// other words.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/subcommand/subcommand.h"

namespace slotless::subcommand {

enum class Takes { Nothing, Value, Values };

struct OptionSpec {
  std::string_view name;         // without dashes
  std::string_view placeholder;  // "URL"; empty for switches
  std::string_view sentence;
  Takes takes = Takes::Value;
};

class Options {
 public:
  // `error` is set, or the options are good.
  static Options read(std::span<const OptionSpec> known, const Arguments& arguments);

  const std::string& error() const noexcept { return error_; }
  const std::vector<std::string>& words() const noexcept { return words_; }  // what belongs to no option
  bool has(std::string_view name) const { return values_.contains(name); }
  // The last one; nullopt: there is none.
  std::optional<std::string> value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;

 private:
  std::string error_;
  std::vector<std::string> words_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

std::string helpText(std::span<const OptionSpec> known);

}  // namespace slotless::subcommand
