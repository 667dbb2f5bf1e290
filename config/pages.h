// The texts made of the schema: --help, --version, --print-config-reference and --check-config.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/setting.h"

namespace slotless::config {

// Where each option's value comes from; options that are not in it have their default.
using Origins = std::map<std::string_view, Origin>;

std::string helpPage();
std::string versionPage();

// Markdown; docs/configuration.md is this text.
std::string referencePage();

// A YAML file that load() reads back, with the source of each value as a comment; secrets are not in it.
std::string effectivePage(const Config& config, const Origins& origins);

}  // namespace slotless::config
