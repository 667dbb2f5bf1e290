// What the admin server serves beside /metrics, /healthz and /readyz: requests as a whole and their answers,
// as plain values. The status page is such a site; the server knows only this.
//
// Threads: a site is called on the thread that renders pages, and by one call at a time.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "proxy/telemetry/http_request.h"

namespace slotless::telemetry {

struct AdminRequest {
  std::string method;
  std::string path;   // without the query
  std::string query;  // without the question mark
  std::string headers;
  std::string body;
  std::string peer;  // the host that asks, numeric
  bool encrypted = false;

  // Empty if there is none.
  std::string_view header(std::string_view name) const noexcept { return headerIn(headers, name); }
};

struct AdminResponse {
  int status = 200;
  std::string_view contentType = {};
  std::string body = {};
  std::vector<std::string> headers = {};  // "Name: value"
  // Server-sent events: the body is only their beginning, and AdminSite::nextEvent() follows.
  bool streams = false;
};

class AdminSite {
 public:
  virtual ~AdminSite() = default;
  // To any path that is not the server's own.
  virtual AdminResponse answer(const AdminRequest& request) = 0;
  // What all streams are told now; asked for every kAdminStreamMillis as long as there are any.
  virtual std::string nextEvent() = 0;
};

}  // namespace slotless::telemetry
