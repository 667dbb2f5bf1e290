// Texts <-> the words of a program that is run without a shell: blanks separate words, double quotes keep
// them in one, and in quotes a backslash takes the next character as it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/parsed.h"

namespace slotless::config {

Parsed<std::vector<std::string>> parseProgramWords(std::string_view text);
std::string formatProgramWords(const std::vector<std::string>& words);

}  // namespace slotless::config
