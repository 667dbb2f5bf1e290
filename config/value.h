// One option's value: from text into a Config, from a Config to text, and what is allowed in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/schema.h"

namespace slotless::config {

enum class Assign { Replace, Append };  // Append only matters for lists.

// Sets the option's member; a list option takes one text with several entries separated by commas.
// Returns what is wrong with the text ("found ...; allowed: ..."), in which case the member is unchanged;
// the text of a secret does not appear in it.
std::optional<std::string> assign(const Option& option, std::string_view text, Assign how, Config& config);

// The text that assign() reads back; an empty list or text gives "". Secrets are not masked here.
std::string format(const Option& option, const Config& config);

// The entries of a list option, otherwise the one text of format().
std::vector<std::string> formatEntries(const Option& option, const Config& config);

std::string typeName(const Option& option);

// What a bare number counts; empty if there is none.
std::string unit(const Option& option);

// What the value must be: "yes or no", "a size such as 64kb ..., from 1mb to 64gb".
std::string allowed(const Option& option);

// The range or the choices alone, for a table cell; empty if there is nothing to say.
std::string range(const Option& option);

// The text in quotes, control characters escaped as YAML reads them back, cut where it gets long.
// (Not "quoted": for a std::string, argument-dependent lookup would find std::quoted.)
inline constexpr std::size_t kLongestShown = 80;
std::string inQuotes(std::string_view text, std::size_t longest = kLongestShown);

}  // namespace slotless::config
