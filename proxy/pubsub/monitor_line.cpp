#include "proxy/pubsub/monitor_line.h"

#include "protocol/key_scheme.h"

namespace slotless::pubsub {

using databases::Database;

namespace {

constexpr std::string_view kOfNode = " [0 ";

// Where the next argument begins with the mark of a reserved key, after its quotation mark; npos: nowhere.
// Quotation marks inside of arguments stand behind a backslash, so that a blank before one means a beginning.
std::size_t findMark(std::string_view line, std::size_t from) noexcept {
  constexpr char kBegin[] = {' ', '"', protocol::kKeyMark};
  const std::size_t found = line.find(std::string_view(kBegin, sizeof(kBegin)), from);
  return found == std::string_view::npos ? found : found + 2;
}

}  // namespace

std::optional<std::string> translateLine(const databases::Databases& databases, std::string_view line) {
  const std::size_t number = line.find(kOfNode);
  if (number == std::string_view::npos) return std::nullopt;
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
    if (!argument.starts_with(database->prefix)) continue;
    out += line.substr(copied, at - copied);
    copied = at + database->prefix.size();
  }
  if (database == nullptr) return std::nullopt;
  return out.append(line.substr(copied));
}

}  // namespace slotless::pubsub
