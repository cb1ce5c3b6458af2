{{/*
(dict "root" . "prometheuses" LIST "namespaces" MAP): why no Prometheus would select the ServiceMonitor, and the flags that cure it.
Nothing if one of them does, or if there is none to ask. `namespaces` holds the labels of each namespace by its name.
*/}}
{{- define "nbu-exporter.doctor" -}}
{{- $monitor := .root.Values.serviceMonitor -}}
{{- $namespace := $monitor.namespace | default (include "nbu-exporter.namespace" .root) -}}
{{- $labels := (include "nbu-exporter.metadata" (dict "root" .root "labels" $monitor.labels) | fromYaml).labels -}}
{{- $namespaceLabels := mergeOverwrite (dict "kubernetes.io/metadata.name" $namespace) (get .namespaces $namespace | default dict) -}}
{{- $selected := false -}}
{{- $findings := list -}}
{{- range $prometheus := .prometheuses -}}
{{- $here := $prometheus.metadata.namespace -}}
{{- $who := printf "%s %s/%s" ($prometheus.kind | default "Prometheus") $here $prometheus.metadata.name -}}
{{- $problems := list -}}
{{- if not (kindIs "map" $prometheus.spec.serviceMonitorSelector) -}}
{{- $problems = append $problems "it has no serviceMonitorSelector, which selects nothing: give it one ({} selects all)" -}}
{{- else -}}
{{- $problems = concat $problems (include "nbu-exporter.mismatches" (dict "selector" $prometheus.spec.serviceMonitorSelector "labels" $labels) | fromYamlArray) -}}
{{- end -}}
{{- if not (kindIs "map" $prometheus.spec.serviceMonitorNamespaceSelector) -}}
{{- if ne $here $namespace -}}
{{- $problems = append $problems (printf "it only looks into its own namespace:  --set serviceMonitor.namespace=%s" $here) -}}
{{- end -}}
{{- else if include "nbu-exporter.mismatches" (dict "selector" $prometheus.spec.serviceMonitorNamespaceSelector "labels" $namespaceLabels) | fromYamlArray -}}
{{- $problems = append $problems (printf "it does not look into the namespace %s: label the namespace as its serviceMonitorNamespaceSelector asks (%s)" $namespace (toJson $prometheus.spec.serviceMonitorNamespaceSelector)) -}}
{{- end -}}
{{- if $problems -}}
{{- $findings = append $findings (dict "who" $who "problems" $problems) -}}
{{- else -}}
{{- $selected = true -}}
{{- end -}}
{{- end -}}
{{- if and $findings (not $selected) -}}
No Prometheus in this cluster selects the ServiceMonitor. What each of them misses, and its cure:
{{- range $findings }}
  {{ .who }}
  {{- range .problems }}
    {{ . }}
  {{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* (dict "selector" MAP "labels" MAP): what a label selector misses, each with the flag that adds it, as a YAML list. */}}
{{- define "nbu-exporter.mismatches" -}}
{{- $labels := .labels -}}
{{- $problems := list -}}
{{- range $key, $value := .selector.matchLabels | default dict -}}
{{- if ne (get $labels $key | toString) (toString $value) -}}
{{- $problems = append $problems (include "nbu-exporter.labelFlag" (dict "key" $key "value" $value)) -}}
{{- end -}}
{{- end -}}
{{- range .selector.matchExpressions | default list -}}
{{- $has := hasKey $labels .key -}}
{{- $value := get $labels .key -}}
{{- $known := has $value (.values | default list) -}}
{{- if and (eq .operator "In") (not (and $has $known)) -}}
{{- $problems = append $problems (include "nbu-exporter.labelFlag" (dict "key" .key "value" (first .values))) -}}
{{- else if and (eq .operator "Exists") (not $has) -}}
{{- $problems = append $problems (include "nbu-exporter.labelFlag" (dict "key" .key "value" "true")) -}}
{{- else if and (eq .operator "NotIn") $has $known -}}
{{- $problems = append $problems (printf "it refuses the label %s=%s" .key $value) -}}
{{- else if and (eq .operator "DoesNotExist") $has -}}
{{- $problems = append $problems (printf "it refuses any label %s" .key) -}}
{{- end -}}
{{- end -}}
{{- toYaml $problems -}}
{{- end -}}

{{/* Dots separate keys for --set: those inside a key are escaped. */}}
{{- define "nbu-exporter.labelFlag" -}}
--set-string 'serviceMonitor.labels.{{ .key | replace "." "\\." }}={{ .value }}'
{{- end -}}

{{/*
All Prometheus objects of the cluster go to the doctor. A template can not catch the refusal of a `lookup`, but Helm's error quotes the
name of the template: so the name tells the cure.
*/}}
{{- define "nbu-exporter.askPrometheuses (you may not list them: leave serviceMonitor.verifySelector off)" -}}
{{- $monitor := .Values.serviceMonitor -}}
{{- if and $monitor.enabled $monitor.verifySelector -}}
{{- $prometheuses := list -}}
{{- range $api := list (list "monitoring.coreos.com/v1" "Prometheus") (list "monitoring.coreos.com/v1alpha1" "PrometheusAgent") -}}
{{- if $.Capabilities.APIVersions.Has (join "/" $api) -}}
{{- $prometheuses = concat $prometheuses ((lookup (first $api) (last $api) "" "").items | default list) -}}
{{- end -}}
{{- end -}}
{{- $namespace := $monitor.namespace | default (include "nbu-exporter.namespace" .) -}}
{{- $found := lookup "v1" "Namespace" "" $namespace -}}
{{- $namespaceLabels := ($found.metadata | default dict).labels | default dict -}}
{{- include "nbu-exporter.doctor" (dict "root" . "prometheuses" $prometheuses "namespaces" (dict $namespace $namespaceLabels)) -}}
{{- end -}}
{{- end -}}
