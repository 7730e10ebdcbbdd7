#include "apiserver/custom_kinds.h"

#include "api/crd/custom_kind.h"
#include "api/document.h"
#include "api/gen/apiextensions_v1.h"
#include "api/json.h"
#include "apiserver/storage/follower.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kKindsLog("custom-kinds");

std::string DefinitionsPrefix() {
  return StorePrefix(apiextensions_v1::CustomResourceDefinition::Info().storage_key);
}

// The parts of a definition that its kinds follow from.
std::string WhatCounts(const Json& definition) {
  Json parts = {{"spec", definition.value("spec", Json::object())}};
  if (const Json* names = FindPath(definition, "status.acceptedNames")) parts["names"] = *names;
  for (const Json& condition : ListAt(definition, "status.conditions")) {
    parts[TextAt(condition, "type")] = TextAt(condition, "status");
  }
  return DumpJson(parts);
}

}  // namespace

bool CustomKinds::Take(const Record& record) {
  const auto view = ObjectView::Of(record);
  const auto document = view ? ParseJson(view->body()) : Result<Json>(Json());
  if (!document || !document->is_object()) return definitions_.erase(record.key) > 0;
  std::string text = WhatCounts(*document);
  Definition& definition = definitions_[record.key];
  if (definition.text == text) return false;
  const bool served_any = !definition.kinds.empty();
  definition.text = std::move(text);
  definition.kinds.clear();
  try {
    definition.kinds = crd::MakeKinds(*document);
  } catch (const std::exception& problem) {
    // What got past validation harms its own kind alone.
    kKindsLog.Error("definition not understood", {{"key", record.key}, {"error", problem.what()}});
  }
  return served_any || !definition.kinds.empty();
}

void CustomKinds::Serve() {
  RuntimeKinds all;
  for (const auto& [key, definition] : definitions_) {
    all.insert(all.end(), definition.kinds.begin(), definition.kinds.end());
  }
  served_.Set(std::move(all));
}

void CustomKinds::Reload() {
  const auto page = store_.List({.prefix = DefinitionsPrefix()});
  if (!page) return;
  definitions_.clear();
  for (const RecordPtr& record : page->records) Take(*record);
  Serve();
  // Nobody is woken: who wants to know asks.
  auto cursor = store_.Watch(DefinitionsPrefix(), page->revision, [] {});
  if (!cursor) return;
  cursor_ = std::move(*cursor);
  seen_ = page->revision;
}

bool CustomKinds::TakeEvents() {
  bool changed = false;
  const bool read =
      ReadThrough(*cursor_, store_.Current(), [&](const Event& event) REQUIRES(mutex_) {
        if (event.kind == Event::Kind::kDelete) {
          changed |= definitions_.erase(event.record->key) > 0;
        } else {
          changed |= Take(*event.record);
        }
      });
  if (changed) Serve();
  return read;
}

void CustomKinds::CatchUp() {
  const Revision current = store_.Current();
  if (cursor_ && seen_ == current) return;
  if (!cursor_ || !TakeEvents()) {
    cursor_.reset();
    Reload();
    return;
  }
  seen_ = current;
}

std::shared_ptr<const Served> CustomKinds::Now() {
  {
    const MutexLock lock(mutex_);
    CatchUp();
  }
  return served_.Now();
}

}  // namespace skiff
