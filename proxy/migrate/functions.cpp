#include "proxy/migrate/functions.h"

#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

using subcommand::NodeClient;
using subcommand::Reply;

std::string FunctionCopier::copy() {
  const auto list = source_.ask(0, {"FUNCTION", "LIST"});
  const auto dump = source_.ask(0, {"FUNCTION", "DUMP"});
  const auto view = target_.view();
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
  NodeClient client(node, target_.options());
  const Reply restored = client.command({"FUNCTION", "RESTORE", payload, "REPLACE"});
  if (!restored.failed()) return {};
  if (restored.isLost() || restored.text.find("payload version") == std::string::npos)
    return node.shown() + ": FUNCTION RESTORE: " + restored.text;
  const auto list = source_.ask(0, {"FUNCTION", "LIST", "WITHCODE"});
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
