#include "proxy/translation/script_guarding.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/upstream.h"
#include "protocol/encoder.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/script_calls.h"
#include "proxy/databases/script_flags.h"
#include "proxy/databases/script_guard.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/translation/script_translation.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using protocol::CommandSpec;

namespace {

// Of a script in a transaction, whose reply is an element of EXEC's.
class ErrorComposer final : public routing::Composer {
 public:
  ErrorComposer(const WrappedScripts& scripts, const databases::Database& database)
      : scripts_(scripts), database_(database) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    const std::string_view reply = parts.front().bytes;
    const bool failed = routing::isErrorReply(reply);
    if (failed) {
      out += scripts_.asSaid(databases::withoutPrefix(reply, database_));
    } else {
      out += reply;
    }
    return !failed;
  }

 private:
  const WrappedScripts& scripts_;
  const databases::Database& database_;
};

// SCRIPT LOAD: the SHA1 of what the client has sent.
class LoadedComposer final : public routing::Composer {
 public:
  explicit LoadedComposer(std::string sha) : sha_(std::move(sha)) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    if (routing::appendFirstError(parts, out)) return false;
    protocol::appendBulk(out, sha_);
    return true;
  }
  bool canForgo() const override { return true; }

 private:
  const std::string sha_;
};

// FUNCTION LIST WITHCODE: libraries as clients have loaded them.
class ListComposer final : public routing::Composer {
 public:
  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    out += databases::withoutGuards(parts.front().bytes);
    return !routing::isErrorReply(parts.front().bytes);
  }
};

void replaceArgument(TranslationContext& context, Command& command, std::size_t at, std::string_view by) {
  std::vector<std::string_view> words(command.argv.begin(), command.argv.end());
  words[at] = by;
  context.mapper.write(words);
  replaceBy(context.mapper, command);
}

// For what it may call, or for a flag that it has to lose.
bool needsGuard(TranslationContext& context, std::string_view text, const ScriptRef& known) {
  if (databases::withoutClusterFlag(known != nullptr ? std::string_view(known->text) : text)) return true;
  const databases::ScriptGuard& guard = context.wrappedScripts.guardFor(context.commands);
  return known != nullptr ? guard.needed(known->calls) : guard.needed(databases::callsOf(text));
}

void guardLibrary(TranslationContext& context, Command& command) {
  const std::string_view code = command.argv.back();
  if (!needsGuard(context, code, nullptr) && !databases::mayFlagNoCluster(code)) return;
  const std::string guarded = context.wrappedScripts.guardFor(context.commands).wrapLibrary(code);
  replaceArgument(context, command, command.argv.size() - 1, guarded);
}

}  // namespace

void guardScript(TranslationContext& context, bool queued, Command& command) {
  const CommandSpec& spec = *command.spec;
  if (config::servesOneServer(context.config)) {
    // One that has been started again, or another one, gets it from here.
    if (spec.scriptText > 0)
      context.scripts.remember(command.argv[static_cast<std::size_t>(spec.scriptText)]);
    return;
  }
  if (spec.loadsLibrary) return guardLibrary(context, command);
  if (spec.showsScripts) {
    command.composer = std::make_unique<ListComposer>();
    return;
  }
  ScriptCache& cache = context.scripts;
  const auto at = static_cast<std::size_t>(spec.scriptText > 0 ? spec.scriptText : spec.scriptSha);
  const std::string_view said = command.argv[at];
  const ScriptRef script = spec.scriptText > 0 ? cache.remember(said) : cache.find(said);
  if (spec.scriptSha > 0) {
    if (script == nullptr || !needsGuard(context, {}, script)) return;
    const auto sent = context.wrappedScripts.shaFor(said, context.commands, cache, Wrapping::Guard);
    if (!sent) return;
    replaceArgument(context, command, at, *sent);
  } else {
    // Alone in a transaction it has no composer of its own.
    if (!needsGuard(context, said, script) || (queued && !runsScript(spec))) return;
    if (!runsScript(spec)) command.composer = std::make_unique<LoadedComposer>(ScriptCache::sha1Of(said));
    replaceArgument(context, command, at,
                    context.wrappedScripts.textFor(said, context.commands, Wrapping::Guard));
  }
  if (queued) command.composer = scriptErrorComposer(context.wrappedScripts, command.database);
}

std::unique_ptr<routing::Composer> scriptErrorComposer(const WrappedScripts& scripts,
                                                       const databases::Database& database) {
  return std::make_unique<ErrorComposer>(scripts, database);
}

}  // namespace slotless::session
