// The cluster of a test of Ingresses: objects from YAML, as a user writes them, under an
// IngressWorld.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/ingress/ingress_plan.h"
#include "proxy/objects_from_yaml.h"

namespace skiff::ingress {

// A pair whose key is under a pass phrase: the empty one.
inline constexpr const char* kPassPhraseKey =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhCPthJK6uqcgICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEFWCCxZT8FDr4avhO9BRPxUEgZCY\n"
    "57ug1oY/nr07BrNhITohtnIR+YGJW4WWfrhKLepFTmTZSey3K/ylGt3g/AtJZUpe\n"
    "hLru5iumWh88X9R3mtY/h5vTRM6pbbuRsefN/rbOvLhkEgADKflPHBS1aB5w2Btv\n"
    "Z7B/ysaY3Kb+hRxK1jwl8J69ZvyrcghxVa1cWdjNt78k0DljhXFxEaUe/mEFCPY=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
inline constexpr const char* kPassPhraseCertificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBeDCCAR2gAwIBAgIUQ/sQfv8puKoRLK9pLvBH4QxlHIowCgYIKoZIzj0EAwIw\n"
    "EDEOMAwGA1UEAwwFYS5jb20wIBcNMjYxMTI2MjAxODUwWhgPMjEyNjExMDIyMDE4\n"
    "NTBaMBAxDjAMBgNVBAMMBWEuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n"
    "jMGMvloFr3NH8SSlFL7xgdqs3fEHX3fb6WSEur9yrW3u/E9g6qaz/aPNggs7+XFd\n"
    "Bc5QbMYc9T8XW147jVnFLqNTMFEwHQYDVR0OBBYEFNOLbbTtprp4D72A9zNjkml5\n"
    "L5bMMB8GA1UdIwQYMBaAFNOLbbTtprp4D72A9zNjkml5L5bMMA8GA1UdEwEB/wQF\n"
    "MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAK2hIeatEhn8xM/bCN82PxSyO6/397WG\n"
    "jJQpQhsu+wRTAiEAy/FMLhQsQipIfPycQXxU7rsF10bQBs4Ekj8AiyGogzI=\n"
    "-----END CERTIFICATE-----\n";

class TestObjects {
 public:
  TestObjects() { AddClass("skiff", std::string(kIngressController)); }
  void AddClass(const std::string& name, const std::string& controller) {
    auto added = std::make_shared<networking_v1::IngressClass>();
    added->metadata.name = name;
    added->spec.controller = controller;
    classes.push_back(added);
  }
  // The older, the earlier added.
  networking_v1::Ingress& AddIngress(const std::string& yaml) {
    auto added = FromYaml<networking_v1::Ingress>(yaml);
    if (!added->spec.ingress_class_name && added->metadata.annotations.empty()) {
      added->spec.ingress_class_name = "skiff";
    }
    added->metadata.creation_timestamp =
        Time(TimePoint(std::chrono::seconds(1'700'000'000 + std::ssize(ingresses))));
    ingresses.push_back(added);
    return *added;
  }
  // An Ingress with one rule; `host` "" for any.
  networking_v1::Ingress& AddRule(const std::string& name, const std::string& host,
                                  const std::string& path, const std::string& type,
                                  const std::string& service) {
    auto& ingress = AddIngress("metadata: {name: " + name + "}");
    auto& rule = ingress.spec.rules.emplace_back();
    rule.host = host;
    auto& at = rule.http.emplace().paths.emplace_back();
    at.path = path;
    at.path_type = type;
    auto& backend = at.backend.service.emplace();
    backend.name = service;
    backend.port.number = 80;
    return ingress;
  }
  // With one port 80, and those endpoints: "10.0.0.1".
  core_v1::Service& AddService(const std::string& name, const std::vector<std::string>& ips,
                               int target = 8080) {
    auto added = FromYaml<core_v1::Service>("metadata: {name: " + name + "}");
    auto& port = added->spec.ports.emplace_back();
    port.name = "http";
    port.protocol = "TCP";
    port.port = 80;
    services[name] = added;
    auto slice = FromYaml<discovery_v1::EndpointSlice>("metadata: {name: " + name + "-1}");
    slice->metadata.labels["kubernetes.io/service-name"] = name;
    slice->address_type = "IPv4";
    auto& slice_port = slice->ports.emplace_back();
    slice_port.name = "http";
    slice_port.protocol = "TCP";
    slice_port.port = target;
    for (const std::string& ip : ips) slice->endpoints.emplace_back().addresses = {ip};
    slices[name] = slice;
    return *added;
  }

  IngressWorld World() const {
    IngressWorld world;
    world.ingresses.assign(ingresses.begin(), ingresses.end());
    world.classes = classes;
    world.service = [this](const std::string&, const std::string& name) {
      const auto found = services.find(name);
      return found == services.end() ? nullptr : found->second;
    };
    world.slices = [this](const std::string&, const std::string& name) {
      std::vector<Shared<discovery_v1::EndpointSlice>> of;
      if (slices.contains(name)) of.push_back(slices.at(name));
      return of;
    };
    std::map<std::string, Shared<TlsCertificate>> checked;
    for (const auto& [name, certificate] : certificates) {
      checked[name] = std::make_shared<const TlsCertificate>(certificate);
    }
    world.certificate = [checked](const std::string&,
                                  const std::string& name) -> Result<Shared<TlsCertificate>> {
      if (checked.contains(name)) return checked.at(name);
      return Fail(Reason::kNotFound, "not found");
    };
    return world;
  }
  IngressPlan Plan() const { return PlanIngresses(World()); }

  std::vector<std::shared_ptr<networking_v1::Ingress>> ingresses;
  std::vector<Shared<networking_v1::IngressClass>> classes;
  std::map<std::string, std::shared_ptr<core_v1::Service>> services;
  std::map<std::string, std::shared_ptr<discovery_v1::EndpointSlice>> slices;
  std::map<std::string, TlsCertificate> certificates;  // By the Secret's name.
};

// "Reason: message" of all, a line each.
inline std::string ProblemsOf(const IngressPlan& plan, const std::string& ingress) {
  std::string text;
  for (const PlannedIngress& planned : plan.ingresses) {
    if (planned.ingress->metadata.name != ingress) continue;
    for (const IngressProblem& each : planned.problems) {
      text += each.reason + ": " + each.message + "\n";
    }
  }
  return text;
}

}  // namespace skiff::ingress
