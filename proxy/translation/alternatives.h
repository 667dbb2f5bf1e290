// One command of a client in several ways, for nodes that deny some of what the proxy would make it of.
//
// The ways are tried in their order: one that a node denies gives way to the next. What is denied is noted in
// Denials, and for a while not tried first again. If all are denied, the client's error names them.
// Ownership: the composer that carries this out is the plan's. Each way begins anew, so what a way has done
// before it was denied must do no harm.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/dispatch/context.h"
#include "proxy/routing/plan.h"
#include "proxy/telemetry/denials.h"

namespace slotless::session {

struct Way {
  telemetry::Deniable what;
  // Of a way that is a script: what stands for the commands in it.
  std::optional<telemetry::Deniable> within = {};
  // Fills a cleared plan: for EachNode, or Prepared.
  std::function<void(routing::Plan&)> plan;
  // Its composer makes a reply of denials, too.
  bool takesDenials = false;
  // What is denied if that happens in a later stage: then something has been done, and there is no other way.
  std::optional<telemetry::Deniable> later = {};
};

// `command`: as the client knows it. The plan's protocol is kept. Requires a way. `common`: makes the reply
// of ways that have no composer of their own; later ways are planned when the client may be another one's
// turn.
void planAlternatives(Context& context, std::string_view command, std::vector<Way> ways, routing::Plan& plan,
                      std::unique_ptr<routing::Composer> common = nullptr);

// The ways of a script: by EVAL_RO, where the servers have that, and by EVAL. `plan` gets the word.
void addScriptWays(std::vector<Way>& ways, bool hasEvalRo, telemetry::Deniable within,
                   std::function<void(std::string_view eval, routing::Plan&)> plan,
                   std::optional<telemetry::Deniable> later = {});

}  // namespace slotless::session
