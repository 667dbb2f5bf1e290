// The site of the status page: which path gives what, to whom, and the actions.
//
// Belongs to the thread that renders pages (telemetry::AdminSite). The files of the page itself are for
// everybody, for there is nothing in them; documents and the stream are for who may read (door.h); actions
// want admin-actions, a session, its token, and a request of the page's own origin.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/page/door.h"
#include "proxy/page/page_sources.h"
#include "proxy/telemetry/admin_site.h"

namespace slotless::page {

class StatusSite final : public telemetry::AdminSite {
 public:
  explicit StatusSite(std::unique_ptr<PageSources> sources) : sources_(std::move(sources)) {}

  telemetry::AdminResponse answer(const telemetry::AdminRequest& request) override;
  std::string nextEvent() override;

 private:
  telemetry::AdminResponse find(const telemetry::AdminRequest& request);
  telemetry::AdminResponse read(const telemetry::AdminRequest& request, std::string_view name);
  telemetry::AdminResponse login(const telemetry::AdminRequest& request);
  telemetry::AdminResponse logout(const telemetry::AdminRequest& request);
  telemetry::AdminResponse act(const telemetry::AdminRequest& request, std::string_view name);

  std::unique_ptr<PageSources> sources_;
  Door door_;
};

}  // namespace slotless::page
