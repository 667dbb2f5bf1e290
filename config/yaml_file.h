// Text of a YAML file -> settings with line numbers.
//
// The file is one mapping of option names to scalars, or to sequences of scalars for list options. `shadow:
// {upstream: cluster, sample: 1%}` is another way to write shadow-sample.
#pragma once

#include <string>

#include "config/setting.h"

namespace slotless::config {

struct YamlSettings {
  Settings settings;
  bool isReadable = true;  // No: the text is not YAML of that shape, and nothing was taken from it.
};

// `name` is how errors call the file.
YamlSettings readYaml(const std::string& name, const std::string& text);

}  // namespace slotless::config
