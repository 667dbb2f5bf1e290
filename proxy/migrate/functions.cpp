#include "proxy/migrate/functions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

using subcommand::NodeClient;
using subcommand::Reply;

namespace {

CopiedLibraries::Names librariesIn(const Reply& list) {
  CopiedLibraries::Names names;
  for (const Reply& library : list.items) {
    if (const Reply* const name = library.field("library_name")) names.insert(name->text);
  }
  return names;
}

}  // namespace

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
  if (list->isError()) return "FUNCTION LIST: " + list->text;
  if (dump->isError()) return "FUNCTION DUMP: " + dump->text;
  std::vector<std::string> masters;
  for (const auto& master : view->masters) masters.push_back(master.id);
  // Names as well: the one that was asked first may be older.
  Names names = librariesIn(*list);
  const bool same = names == names_ && dump->text == payload_ && masters == masters_;
  if (same && !isDoubtful_) return {};
  if (auto error = copied_.add(names); !error.empty()) return error;
  Names gone;
  if (auto error = findGone(names, gone); !error.empty()) return error;
  if (same && gone == gone_) return {};
  const std::string payload = names.empty() ? std::string() : dump->text;
  for (const auto& master : view->masters) {
    if (auto error = bringTo(master.url, gone, payload); !error.empty()) return error;
  }
  names_ = std::move(names);
  gone_ = std::move(gone);
  payload_ = dump->text;
  masters_ = std::move(masters);
  return {};
}

// Of those that have been copied. A master that is new in its cluster may have none at all: gone is what no
// master has.
std::string FunctionCopier::findGone(const Names& names, Names& gone) {
  isDoubtful_ = false;
  const Names& copied = copied_.names();
  std::set_difference(copied.begin(), copied.end(), names.begin(), names.end(),
                      std::inserter(gone, gone.end()));
  if (gone.empty()) return {};
  const auto view = source_.view();
  isDoubtful_ = !view->complete();
  for (const auto& master : view->masters) {
    NodeClient node(master.url, source_.options());
    const Reply list = node.command({"FUNCTION", "LIST"});
    if (list.failed()) return master.url.shown() + ": FUNCTION LIST: " + list.text;
    for (const std::string& name : librariesIn(list)) isDoubtful_ |= gone.erase(name) > 0;
  }
  if (!view->complete()) gone.clear();
  return {};
}

// Deletes first: a library that has got another name has the functions of the one that is gone.
std::string FunctionCopier::bringTo(const subcommand::ServerUrl& node, const Names& gone,
                                    const std::string& payload) {
  NodeClient client(node, to_.options());
  for (const std::string& name : gone) {
    const Reply deleted = client.command({"FUNCTION", "DELETE", name});
    if (deleted.failed() && deleted.text.find("not found") == std::string::npos)
      return node.shown() + ": FUNCTION DELETE " + name + ": " + deleted.text;
  }
  if (payload.empty()) return {};
  const Reply restored = client.command({"FUNCTION", "RESTORE", payload, "REPLACE"});
  if (!restored.failed()) return {};
  if (restored.isLost() || restored.text.find("payload version") == std::string::npos)
    return node.shown() + ": FUNCTION RESTORE: " + restored.text;
  return loadOn(client);
}

std::string FunctionCopier::loadOn(NodeClient& node) {
  const auto list = ask({"FUNCTION", "LIST", "WITHCODE"});
  if (!list) return {};
  for (const Reply& library : list->items) {
    const Reply* const code = library.field("library_code");
    if (code == nullptr) continue;
    const Reply loaded = node.command({"FUNCTION", "LOAD", "REPLACE", code->text});
    if (loaded.failed()) return node.url().shown() + ": FUNCTION LOAD: " + loaded.text;
  }
  return {};
}

}  // namespace slotless::migrate
