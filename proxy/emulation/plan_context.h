// What the plans of commands are made of that the proxy puts together itself.
#pragma once
#include "proxy/observe/process_facts.h"
#include "proxy/observe/stat_baseline.h"
#include "proxy/pubsub/hub.h"
#include "proxy/translation/translation_context.h"

namespace slotless::session {

class Asker;

struct PlanContext : TranslationContext {
  pubsub::Hub& hub;
  const ProcessCounters& counters;
  StatBaseline& baseline;
  // Whose request is being planned.
  const Asker* asker = nullptr;
};

}  // namespace slotless::session
