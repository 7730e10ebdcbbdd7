// What the schema cannot say about an Event of either group.
#include "api/gen/core_v1.h"
#include "api/gen/events_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/select/field_path.h"
#include "api/violations.h"

namespace skiff {
namespace {

using CoreEvent = core_v1::Event;
using events_v1::Event;

constexpr size_t kWordBytesMax = 128;
constexpr size_t kMessageBytesMax = 1024;

// The fields of an event under the names of the core group, which errors of both groups use.
CoreEvent AsCore(const Event& object) {
  CoreEvent core;
  core.metadata = object.metadata;
  core.involved_object = object.regarding;
  core.reason = object.reason;
  core.message = object.note;
  core.source = object.deprecated_source;
  core.first_timestamp = object.deprecated_first_timestamp;
  core.last_timestamp = object.deprecated_last_timestamp;
  core.count = object.deprecated_count;
  core.type = object.type;
  core.event_time = object.event_time;
  if (object.series) {
    auto& series = core.series.emplace();
    series.count = object.series->count;
    series.last_observed_time = object.series->last_observed_time;
  }
  core.action = object.action;
  core.related = object.related;
  core.reporting_component = object.reporting_controller;
  core.reporting_instance = object.reporting_instance;
  return core;
}

void CheckWord(const std::string& value, const char* field, Violations& out) {
  if (value.empty()) out.Required(FieldPath(field));
  if (value.size() > kWordBytesMax) {
    out.Invalid(FieldPath(field), "", "can have at most 128 characters");
  }
}

// What holds for events of all times. `controller_field` is what the request calls the reporter.
void ValidateLegacy(const CoreEvent& event, const char* controller_field, Violations& out) {
  const std::string& about = event.involved_object.namespace_;
  const std::string& own = event.metadata.namespace_;
  const auto mismatch = [&] {
    out.Invalid(FieldPath("involvedObject").Child("namespace"), about,
                "does not match event.namespace");
  };
  if (event.event_time.IsZero()) {
    if (about.empty() ? !own.empty() && own != "default" : about != own) mismatch();
  } else {
    if (about.empty() && own != "default" && own != "kube-system") mismatch();
    Require(event.reporting_component, FieldPath(controller_field), out);
    CheckFormat(LabelKeyErrors, event.reporting_component, FieldPath(controller_field), out);
    CheckWord(event.reporting_instance, "reportingInstance", out);
    CheckWord(event.action, "action", out);
    CheckWord(event.reason, "reason", out);
    if (event.message.size() > kMessageBytesMax) {
      out.Invalid(FieldPath("message"), "", "can have at most 1024 characters");
    }
  }
  CheckFormat(Dns1123SubdomainErrors, own, FieldPath("namespace"), out);
}

void ValidateSeries(const CoreEvent& event, Violations& out) {
  if (!event.series) return;
  const FieldPath path("series");
  if (event.series->count < 2) {
    out.Invalid(path.Child("count"), "", "should be at least 2");
  }
  if (event.series->last_observed_time.IsZero()) out.Required(path.Child("lastObservedTime"));
}

// What newer clients must not use any more.
void ValidateStrict(const CoreEvent& event, Violations& out) {
  ValidateSeries(event, out);
  if (event.event_time.IsZero()) out.Required(FieldPath("eventTime"));
  if (event.type != "Normal" && event.type != "Warning") {
    out.Invalid(FieldPath("type"), "", "has invalid value: " + event.type);
  }
  const auto unset = [&](bool is_unset, const char* field) {
    if (!is_unset) out.Invalid(FieldPath(field), "", "needs to be unset");
  };
  unset(event.first_timestamp.IsZero(), "firstTimestamp");
  unset(event.last_timestamp.IsZero(), "lastTimestamp");
  unset(event.count == 0, "count");
  unset(event.source == core_v1::EventSource(), "source");
}

void ValidateUnchanged(const CoreEvent& event, const CoreEvent& old, Violations& out) {
  const auto same = [&](const auto& now, const auto& before, const char* field) {
    if (!(now == before)) out.Invalid(FieldPath(field), now, kFieldImmutable);
  };
  const auto same_struct = [&](const auto& now, const auto& before, const char* field) {
    if (!(now == before)) out.Invalid(FieldPath(field), GoStruct(now), kFieldImmutable);
  };
  const auto same_time = [&](const Time& now, const Time& before, const char* field) {
    if (now == before) return;
    out.Invalid(FieldPath(field), now.IsZero() ? Json(nullptr) : Json(now.Rfc3339()),
                kFieldImmutable);
  };
  same_struct(event.involved_object, old.involved_object, "involvedObject");
  same(event.reason, old.reason, "reason");
  same(event.message, old.message, "message");
  same_struct(event.source, old.source, "source");
  same_time(event.first_timestamp, old.first_timestamp, "firstTimestamp");
  same_time(event.last_timestamp, old.last_timestamp, "lastTimestamp");
  same(event.count, old.count, "count");
  same(event.reason, old.reason, "reason");
  same(event.type, old.type, "type");
  if (event.event_time.Rfc3339Micro() != old.event_time.Rfc3339Micro()) {
    const bool gone = event.event_time.IsZero();
    out.Invalid(FieldPath("eventTime"),
                gone ? Json(nullptr) : Json(event.event_time.Rfc3339Micro()), kFieldImmutable);
  }
  same(event.action, old.action, "action");
  if (!(event.related == old.related)) {
    event.related ? out.Invalid(FieldPath("related"), GoStruct(*event.related), kFieldImmutable)
                  : out.Invalid(FieldPath("related"), nullptr, kFieldImmutable);
  }
  same(event.reporting_component, old.reporting_component, "reportingController");
  same(event.reporting_instance, old.reporting_instance, "reportingInstance");
}

void ValidateCore(const CoreEvent& object, Violations& out) {
  ValidateLegacy(object, "reportingComponent", out);
}

void ValidateCoreUpdate(const CoreEvent& object, const CoreEvent&, Violations& out) {
  ValidateCore(object, out);
}

void Validate(const Event& object, Violations& out) {
  const CoreEvent event = AsCore(object);
  const FieldPath metadata("metadata");
  ValidateLegacy(event, "reportingController", out);
  ValidateObjectMeta(object.metadata, true, NameIsDnsSubdomain, metadata, out);
  CheckFinalizerNames(object.metadata.finalizers, metadata.Child("finalizers"), out);
  ValidateStrict(event, out);
}

void ValidateUpdate(const Event& object, const Event& old, Violations& out) {
  const CoreEvent event = AsCore(object);
  const CoreEvent before = AsCore(old);
  const FieldPath metadata("metadata");
  ValidateLegacy(event, "reportingController", out);
  ValidateObjectMetaUpdate(object.metadata, old.metadata, metadata, out);
  CheckFinalizerNames(object.metadata.finalizers, metadata.Child("finalizers"), out);
  if (!(event.series == before.series)) ValidateSeries(event, out);
  ValidateUnchanged(event, before, out);
}

}  // namespace

constexpr RulesOf<CoreEvent> kTypedCoreEventRules = {
    .validate = ValidateCore,
    .validate_update = ValidateCoreUpdate,
    .validate_name = NameIsPathSegment,
    .metadata_last = true,
    .allow_create_on_update = true,
};
constinit const Rules kCoreEventRules = Erase<kTypedCoreEventRules>();

constexpr RulesOf<Event> kTypedEventRules = {
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .metadata_last = true,  // Validate looks at it, at its own place.
    .allow_create_on_update = true,
};
constinit const Rules kEventRules = Erase<kTypedEventRules>();

}  // namespace skiff
