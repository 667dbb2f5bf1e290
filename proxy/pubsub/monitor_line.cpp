#include "proxy/pubsub/monitor_line.h"

#include <algorithm>
#include <string>

#include "protocol/ascii.h"
#include "protocol/key_scheme.h"
#include "protocol/strict_integer.h"
#include "proxy/databases/script_guard.h"
#include "proxy/databases/script_names.h"

namespace slotless::pubsub {

using databases::Database;

namespace {

constexpr std::string_view kNumber = " [";
// Mapped databases' keys are in the nodes' database 0.
constexpr std::string_view kOfNode = " [0 ";

// Where the next argument begins with the mark of a reserved key, after its quotation mark; npos: nowhere.
// Quotation marks inside of arguments stand behind a backslash, so that a blank before one means a beginning.
std::size_t findMark(std::string_view line, std::size_t from) noexcept {
  constexpr char kBegin[] = {' ', '"', protocol::kKeyMark};
  const std::size_t found = line.find(std::string_view(kBegin, sizeof(kBegin)), from);
  return found == std::string_view::npos ? found : found + 2;
}

bool isEval(std::string_view word) noexcept {
  return word.size() >= 4 && protocol::equalsIgnoringCase(word.substr(0, 4), "eval");
}

// Behind the argument that begins at `from` with its quotation mark.
std::size_t endOfArgument(std::string_view line, std::size_t from) noexcept {
  for (std::size_t i = from + 1; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      return i + 1;
    }
  }
  return line.size();
}

// The last one of a script's keys; `count`: where their number stands. False: there is something else.
bool takeRoutingKey(std::string& line, std::size_t count) {
  const std::size_t countEnd = endOfArgument(line, count);
  const auto keys = protocol::strictInteger(std::string_view(line).substr(count + 1, countEnd - count - 2));
  if (!keys || *keys < 0) return false;
  if (*keys == 0) return true;
  std::size_t at = countEnd;
  for (auto i = *keys; i > 1 && at < line.size(); --i) at = endOfArgument(line, at + 1);
  constexpr std::string_view kBegin = " \"~{";
  if (!std::string_view(line).substr(std::min(at, line.size())).starts_with(kBegin)) return false;
  line.erase(at, endOfArgument(line, at + 1) - at);
  line.replace(count + 1, countEnd - count - 2, std::to_string(*keys - 1));
  return true;
}

// A script's line without what the client has not said: see session/script_translation.h. `command`: where
// the first argument begins.
void unwrap(std::string& line, std::size_t command, const Database& database) {
  if (!isEval(std::string_view(line).substr(std::min(command + 1, line.size())))) return;
  constexpr std::string_view kPrefix = " \"\"\r\n";  // by now it has lost itself
  if (!line.ends_with(kPrefix)) return;
  line.replace(line.size() - kPrefix.size(), kPrefix.size(), "\r\n");
  if (database.grouped()) {
    const std::string patterns =
        " \"" + database.groups.patterns() + "\"\r\n";  // nothing to be escaped in it
    if (!line.ends_with(patterns)) return;
    line.replace(line.size() - patterns.size(), patterns.size(), "\r\n");
  }
  const std::size_t script = endOfArgument(line, command) + 1;
  const std::size_t count = endOfArgument(line, script) + 1;
  if ((database.pinned() || database.grouped()) && count < line.size() && !takeRoutingKey(line, count))
    return;
  const std::size_t opening = line.find(databases::ScriptNames::kOpening, script);
  const std::size_t closing = line.find(databases::ScriptNames::kClosing, script);
  if (opening == std::string::npos || closing == std::string::npos) return;
  line.erase(opening, closing + databases::ScriptNames::kClosing.size() - opening);
}

std::string withoutGuard(const databases::Databases& databases, std::string line, std::size_t opening) {
  const std::size_t closing = line.find(databases::ScriptNames::kClosing, opening);
  if (closing == std::string::npos) return line;
  line.erase(opening, closing + databases::ScriptNames::kClosing.size() - opening);
  auto translated = translateLine(databases, line);
  return translated ? std::move(*translated) : line;
}

}  // namespace

std::optional<std::string> translateLine(const databases::Databases& databases, std::string_view line) {
  const std::size_t number = line.find(kNumber);
  if (number == std::string_view::npos) return std::nullopt;
  const std::size_t guard = line.find(databases::ScriptGuard::kOpening, number);
  if (guard != std::string_view::npos) return withoutGuard(databases, std::string(line), guard);
  if (!line.substr(number).starts_with(kOfNode)) return std::nullopt;
  const Database* database = nullptr;
  std::string out;
  std::size_t copied = number + kOfNode.size() - 1;
  for (std::size_t at = findMark(line, copied); at != std::string_view::npos; at = findMark(line, at)) {
    const std::string_view argument = line.substr(at);
    if (database == nullptr) {
      database = databases.ownerOf(argument);
      if (database != nullptr && !database->mapped()) database = nullptr;
      if (database == nullptr) continue;
      out.append(line.substr(0, number)).append(" [").append(std::to_string(database->index));
    }
    if (!database->owns(argument)) continue;
    out += line.substr(copied, at - copied);
    copied = at + (argument.size() - database->logicalName(argument).size());
  }
  if (database == nullptr) return std::nullopt;
  out += line.substr(copied);
  unwrap(out, out.find('"'), *database);
  return out;
}

}  // namespace slotless::pubsub
