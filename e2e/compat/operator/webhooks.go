package main

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const (
	replicasMax = 5
	keep        = group + "/keep"
	defaultedBy = group + "/defaulted-by"
)

type defaulter struct{ name string }

func (d *defaulter) Default(_ context.Context, site *Site) error {
	if site.Spec.Replicas == nil {
		two := int32(2)
		site.Spec.Replicas = &two
	}
	if site.Annotations == nil {
		site.Annotations = map[string]string{}
	}
	if site.Annotations[defaultedBy] == "" {
		site.Annotations[defaultedBy] = d.name
	}
	return nil
}

type validator struct{}

func check(site *Site) error {
	if *site.Spec.Replicas <= replicasMax {
		return nil
	}
	at := field.NewPath("spec", "replicas")
	return apierrors.NewInvalid(schema.GroupKind{Group: group, Kind: "Site"}, site.Name,
		field.ErrorList{field.Invalid(at, *site.Spec.Replicas, "more than anybody visits")})
}

func (*validator) ValidateCreate(_ context.Context, site *Site) (admission.Warnings, error) {
	if len(site.Spec.Hosts) == 0 {
		return admission.Warnings{"nobody finds a site without hosts"}, check(site)
	}
	return nil, check(site)
}

func (*validator) ValidateUpdate(_ context.Context, _, site *Site) (admission.Warnings, error) {
	return nil, check(site)
}

func (*validator) ValidateDelete(_ context.Context, site *Site) (admission.Warnings, error) {
	if site.Annotations[keep] == "" {
		return nil, nil
	}
	return nil, apierrors.NewForbidden(schema.GroupResource{Group: group, Resource: "sites"}, site.Name,
		field.Forbidden(field.NewPath("metadata", "annotations").Key(keep), "is to be kept"))
}
