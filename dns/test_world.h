// For tests and fuzzing: a small cluster's names, and whether a message is one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dns/query.h"
#include "dns/view.h"

namespace skiff::dns {

// Record by record. ldns would also look into data of types that are none of our business.
inline bool IsWellFormed(Bytes message) {
  size_t at = kHeaderBytes;
  Name name;
  if (message.size() < at || !Name::Read(message, &at, &name) || message.size() - at < 4) {
    return false;
  }
  at += 4;
  size_t records = 0;
  for (size_t count = 6; count < kHeaderBytes; count += 2) records += Get16(message, count);
  for (; records > 0; --records) {
    RecordHead record;
    if (!ReadRecord(message, &at, &record)) return false;
  }
  return at == message.size();
}

inline std::shared_ptr<const View> SmallView() {
  ViewBuilder builder;
  builder.SetNamespaces({"default"});
  auto service = std::make_shared<ServiceRecord>();
  service->namespace_ = "default";
  service->name = "web";
  service->cluster_ips = {*ParseIp("10.0.0.1"), *ParseIp("fd00::1")};
  service->ports = ServicePorts(std::vector<ServicePort>{{"http", "tcp", 80}});
  const auto ports = std::make_shared<const ServicePorts>(service->ports);
  for (int i = 0; i < 40; ++i) {
    const std::string label = "pod-" + std::to_string(100 + i);
    service->endpoints.push_back({label, *ParseIp("10.1.0." + std::to_string(i)), ports});
  }
  service->IndexEndpoints();
  auto headless = std::make_shared<ServiceRecord>(*service);
  headless->name = "db";
  headless->form = ServiceRecord::Form::kHeadless;
  headless->cluster_ips.clear();
  auto alias = std::make_shared<ServiceRecord>();
  alias->namespace_ = "default";
  alias->name = "ext";
  alias->form = ServiceRecord::Form::kExternalName;
  alias->external_name = Name::FromText("db.default.svc.cluster.local");
  builder.Set("default", "web", service);
  builder.Set("default", "db", headless);
  builder.Set("default", "ext", alias);
  return builder.Build(1);
}

}  // namespace skiff::dns
