#include "proxy/doctor/daemon_config.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <variant>

#include "config/load.h"
#include "config/process_inputs.h"

namespace slotless::doctor {

SplitArguments splitArguments(const std::vector<OwnOption>& own, const subcommand::Arguments& arguments) {
  SplitArguments split;
  std::string nodes;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!word.starts_with("--")) {
      nodes += (nodes.empty() ? "" : ",") + word;
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string_view name =
        std::string_view(word).substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto mine =
        std::find_if(own.begin(), own.end(), [&](const OwnOption& each) { return each.name == name; });
    auto& words = mine == own.end() ? split.daemon : split.own;
    words.push_back(word);
    // All of the daemon's options have a value.
    const bool takesValue = mine == own.end() || mine->takesValue;
    if (takesValue && equals == std::string::npos && i + 1 < arguments.size())
      words.push_back(arguments[++i]);
  }
  if (!nodes.empty()) {
    split.daemon.emplace_back("--cluster-nodes");
    split.daemon.push_back(std::move(nodes));
  }
  return split;
}

std::optional<config::Config> daemonConfig(const subcommand::Arguments& arguments) {
  config::Inputs inputs = config::processInputs(0, nullptr);
  inputs.arguments = arguments;
  auto loaded = config::load(inputs);
  if (auto* config = std::get_if<config::Config>(&loaded)) return std::move(*config);
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
    for (const config::Error& error : *errors) std::fprintf(stderr, "slotless: %s\n", error.text().c_str());
  } else {
    std::fputs("slotless: options of the daemon that print something do not belong here\n", stderr);
  }
  return std::nullopt;
}

}  // namespace slotless::doctor
