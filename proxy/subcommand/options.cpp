#include "proxy/subcommand/options.h"

#include <algorithm>

namespace slotless::subcommand {

namespace {

const OptionSpec* findSpec(std::span<const OptionSpec> known, std::string_view name) {
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const OptionSpec& each) { return each.name == name; });
  return found == known.end() ? nullptr : &*found;
}

}  // namespace

Options Options::read(std::span<const OptionSpec> known, const Arguments& arguments) {
  Options result;
  for (std::size_t i = 0; i < arguments.size() && result.error_.empty(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with("--")) {
      result.words_.emplace_back(word);
      continue;
    }
    word.remove_prefix(2);
    const std::size_t equals = word.find('=');
    const std::string name(word.substr(0, equals));
    const OptionSpec* const spec = findSpec(known, name);
    if (spec == nullptr) {
      result.error_ = "there is no option --" + name;
    } else if (spec->takes == Takes::Nothing) {
      if (equals != std::string_view::npos) result.error_ = "--" + name + " takes no value";
      result.values_[name].emplace_back();
    } else if (equals == std::string_view::npos && i + 1 == arguments.size()) {
      result.error_ = "--" + name + " needs a value";
    } else {
      auto& values = result.values_[name];
      if (!values.empty() && spec->takes == Takes::Value) result.error_ = "--" + name + " is there twice";
      values.emplace_back(equals == std::string_view::npos ? std::string_view(arguments[++i])
                                                           : word.substr(equals + 1));
    }
  }
  return result;
}

std::optional<std::string> Options::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Options::values(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::string helpText(std::span<const OptionSpec> known) {
  std::string text;
  for (const OptionSpec& each : known) {
    text.append("  --").append(each.name);
    if (!each.placeholder.empty()) text.append(" ").append(each.placeholder);
    text.append("\n      ").append(each.sentence).append("\n");
  }
  return text;
}

}  // namespace slotless::subcommand
