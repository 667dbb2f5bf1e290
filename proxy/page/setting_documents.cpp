// What is configured: databases, certificates, options with where their values come from.
#include <string>

#include "config/schema.h"
#include "config/value.h"
#include "proxy/page/documents.h"
#include "proxy/page/json.h"

namespace slotless::page {

std::string databasesDocument(PageSources& sources) {
  Json json = document();
  Json databases = Json::array();
  for (const DatabaseRow& each : sources.databases()) {
    databases.push_back({{"database", each.index},
                         {"layout", each.layout},
                         {"slot", orNull(each.slot)},
                         {"keys", orNull(each.keys)},
                         {"requests_total", orNull(each.requests)}});
  }
  json["databases"] = std::move(databases);
  return textOf(json);
}

std::string certificatesDocument(PageSources& sources) {
  Json json = document();
  Json certificates = Json::array();
  for (const telemetry::CertificateFacts& each : sources.certificates()) {
    certificates.push_back({{"side", each.side}, {"file", each.file}, {"expires_s", each.expiry}});
  }
  json["certificates"] = std::move(certificates);
  return textOf(json);
}

std::string configurationDocument(PageSources& sources) {
  const auto config = sources.config();
  const config::Origins origins = sources.origins();
  Json json = document();
  Json options = Json::array();
  for (const config::Option& option : config::schema()) {
    std::string value = config::format(option, *config);
    if (option.isSecret() && !value.empty()) value = "********";
    const auto origin = origins.find(option.name);
    const bool isDefault = origin == origins.end() || origin->second.layer == config::Layer::Default;
    options.push_back({{"name", option.name},
                       {"group", config::title(option.group)},
                       {"value", value},
                       {"source", origin == origins.end() ? "default" : origin->second.text},
                       {"is_default", isDefault},
                       {"reloadable", option.isReloadable()},
                       {"secret", option.isSecret()},
                       {"meaning", option.sentence}});
  }
  json["options"] = std::move(options);
  return textOf(json);
}

}  // namespace slotless::page
