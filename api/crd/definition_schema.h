// Whether the schema of a CustomResourceDefinition is one: structural, with defaults that it takes
// itself, and with nothing in it that Kubernetes does not support.
#pragma once

#include "api/select/field_path.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// What may be wrong with schemas for as long as it was wrong with one of what they replace: each of
// these was not always looked at.
struct SchemaFaults {
  bool structure = false;  // It is not structural.
  bool defaults = false;   // A default has fields that its schema does not know.
  bool types = false;      // A type that is none.
  bool set_items = false;  // Items of a set that are not atomic.
  bool key_items = false;  // Items of maps and sets that are null, or may be without a key.

  bool operator==(const SchemaFaults&) const = default;
};
// Adds what is wrong with `props`, JSONSchemaProps as the API shows them.
void FindFaults(const Json& props, SchemaFaults& faults);

struct SchemaChecks {
  bool has_status = false;  // The subresource.
  // Whether rules have to compile, and to cost no more than they may, and patterns to be no larger
  // than they may: not of what is stored already.
  bool bounds = true;
  SchemaFaults allowed = {};
};
// `props` is JSONSchemaProps as the API shows them.
void ValidateSchema(const Json& props, const SchemaChecks& checks, const FieldPath& path,
                    Violations& out);

// Whether a default stands where a schema may have one; false for one that is too deep.
bool SetsDefaults(const Json& props);
// Whether it says anything in Kubernetes' own words but how maps are merged; that only a structure
// can say. False for one that is too deep.
bool HasExtensions(const Json& props);

}  // namespace skiff::crd
