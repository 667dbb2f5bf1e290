#include "proxy/migrate/functions.h"

#include <utility>

#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

using subcommand::NodeClient;
using subcommand::Reply;

std::optional<Reply> FunctionCopier::ask(std::vector<std::string> words) {
  NodeOp op{0, 0, std::move(words), {}, false};
  if (!from_.carryOut(std::span(&op, 1))) return std::nullopt;
  return std::move(op.reply);
}

std::string FunctionCopier::copy() {
  const auto list = ask({"FUNCTION", "LIST"});
  const auto dump = ask({"FUNCTION", "DUMP"});
  const auto view = to_.view();
  if (!list || !dump || view == nullptr) return {};
  if (dump->isError()) return "FUNCTION DUMP: " + dump->text;
  std::vector<std::string> masters;
  for (const auto& master : view->masters) masters.push_back(master.id);
  if (dump->text == payload_ && masters == masters_) return {};
  libraries_ = list->items.size();
  if (libraries_ > 0) {
    for (const auto& master : view->masters) {
      if (auto error = copyTo(master.url, dump->text); !error.empty()) return error;
    }
  }
  payload_ = dump->text;
  masters_ = std::move(masters);
  return {};
}

std::string FunctionCopier::copyTo(const subcommand::ServerUrl& node, const std::string& payload) {
  NodeClient client(node, to_.options());
  const Reply restored = client.command({"FUNCTION", "RESTORE", payload, "REPLACE"});
  if (!restored.failed()) return {};
  if (restored.isLost() || restored.text.find("payload version") == std::string::npos)
    return node.shown() + ": FUNCTION RESTORE: " + restored.text;
  const auto list = ask({"FUNCTION", "LIST", "WITHCODE"});
  if (!list) return {};
  for (const Reply& library : list->items) {
    const Reply* const code = library.field("library_code");
    if (code == nullptr) continue;
    const Reply loaded = client.command({"FUNCTION", "LOAD", "REPLACE", code->text});
    if (loaded.failed()) return node.shown() + ": FUNCTION LOAD: " + loaded.text;
  }
  return {};
}

}  // namespace slotless::migrate
