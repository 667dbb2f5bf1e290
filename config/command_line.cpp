#include "config/command_line.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "config/suggestion.h"
#include "config/value.h"

namespace slotless::config {

namespace {

struct ActionName {
  std::string_view name;
  Action action;
};

constexpr ActionName kActions[] = {{"--help", Action::Help},
                                   {"-h", Action::Help},
                                   {"--version", Action::Version},
                                   {"-v", Action::Version},
                                   {"--check-config", Action::CheckConfig},
                                   {"--print-config-reference", Action::PrintReference}};
constexpr std::string_view kFile = "config";

std::string withDashes(std::string_view option) {
  return "--" + std::string(option);
}

const ActionName* findAction(std::string_view word) {
  const auto* const found = std::find_if(std::begin(kActions), std::end(kActions),
                                         [&](const ActionName& a) { return a.name == word; });
  return found == std::end(kActions) ? nullptr : found;
}

// `name` and, if it was attached, the value of `--name=value`.
struct Word {
  std::string_view name;
  std::optional<std::string_view> value;
};

Word split(std::string_view argument) {
  argument.remove_prefix(std::min(argument.find_first_not_of('-'), std::size_t{2}));
  const auto equals = argument.find('=');
  if (equals == std::string_view::npos) return {argument, {}};
  return {argument.substr(0, equals), argument.substr(equals + 1)};
}

bool isKnown(std::string_view name) {
  return name == kFile || findOption(name) != nullptr;
}

bool namesOption(std::string_view argument) {
  return findAction(argument) != nullptr || (argument.starts_with("--") && isKnown(split(argument).name));
}

class CommandLineReader {
 public:
  explicit CommandLineReader(std::span<const std::string> arguments) : arguments_(arguments) {}

  CommandLine read() {
    while (next_ < arguments_.size()) {
      const std::string& argument = arguments_[next_++];
      position_ = "command-line argument " + std::to_string(next_);
      if (const auto* action = findAction(argument)) {
        result_.action = action->action;
        if (action->action != Action::CheckConfig) return std::move(result_);
      } else if (argument.size() > 1 && argument.starts_with('-') && argument != "--") {
        readOption(argument);
      } else {
        addError("", "found a word that belongs to no option; allowed: --name VALUE or --name=VALUE");
      }
    }
    return std::move(result_);
  }

 private:
  void readOption(std::string_view argument) {
    const Word word = split(argument);
    const std::string source = position_ + " (--" + shownName(word.name) + ")";
    std::optional<std::string_view> value = word.value;
    const bool wellKnown = argument.starts_with("--") && isKnown(word.name);
    if (!wellKnown && word.value && findAction(argument.substr(0, argument.find('='))) != nullptr) {
      position_ = source;
      addError("", "found a value; allowed: " + withDashes(word.name) + " alone");
      return;
    }
    if (!value && next_ < arguments_.size() && takesNext(word.name, wellKnown)) value = arguments_[next_++];
    if (!wellKnown) {
      addUnknown(result_.settings, position_, word.name, "option", withDashes);
    } else if (word.name == kFile) {
      readFileName(source, value);
    } else {
      readSetting(*findOption(word.name), source, value);
    }
  }

  // The word after an unknown option is most probably its value; whatever it looks like, if it may be a
  // secret.
  bool takesNext(std::string_view name, bool wellKnown) const {
    const std::string& next = arguments_[next_];
    if (namesOption(next)) return false;
    const Option* meant = findOption(suggestion(name));
    return wellKnown || meant == nullptr || meant->isSecret() || !next.starts_with("--");
  }

  void readFileName(const std::string& source, std::optional<std::string_view> value) {
    position_ = source;
    if (!value || value->empty()) return addError(kFile, "found nothing; allowed: the path of a YAML file");
    if (result_.file) return addError(kFile, "found a second time; allowed: once");
    result_.file = *value;
    result_.fileSource = source;
  }

  void readSetting(const Option& option, const std::string& source, std::optional<std::string_view> value) {
    position_ = source;
    auto& settings = result_.settings;
    const bool repeated = std::any_of(settings.settings.begin(), settings.settings.end(),
                                      [&](const Setting& s) { return s.option == &option; });
    if (!value) {
      settings.doubtful.insert(option.name);
      return addError(option.name, "found no value; allowed: " + allowed(option));
    }
    if (repeated && !option.isList()) return addError(option.name, "found a second time; allowed: once");
    settings.settings.push_back({&option, std::string(*value), {Layer::CommandLine, source}});
  }

  void addError(std::string_view option, std::string problem) {
    result_.settings.errors.push_back({position_, std::string(option), std::move(problem)});
  }

  std::span<const std::string> arguments_;
  std::size_t next_ = 0;
  std::string position_;
  CommandLine result_;
};

}  // namespace

CommandLine readCommandLine(std::span<const std::string> arguments) {
  return CommandLineReader(arguments).read();
}

}  // namespace slotless::config
