// The real inputs of load(): this process's arguments, environment, files and CPUs.
#pragma once

#include "config/load.h"

namespace slotless::config {

Inputs processInputs(int argc, const char* const* argv);

// Files above 1 MiB are refused.
FileText readFile(const std::string& path);

}  // namespace slotless::config
