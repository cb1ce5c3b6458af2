{{/* Combinations that can not work, each with its cure. */}}
{{- define "nbu-exporter.validate" -}}
{{- $seen := list -}}
{{- range .Values.credentials -}}
{{- include "nbu-exporter.checkSiteName" (toString .site) -}}
{{- if has .site $seen -}}
{{- fail (printf "site %q is twice in credentials[]: keep one entry" (toString .site)) -}}
{{- end -}}
{{- $seen = append $seen .site -}}
{{- end -}}
{{- if and .Values.demo.enabled .Values.configMap.existingName -}}
{{- fail "demo.enabled adds its sites to the chart's own ConfigMap: leave configMap.existingName empty, or turn the demo off" -}}
{{- end -}}
{{- if and .Values.demo.enabled .Values.config.nbuserver -}}
{{- fail "demo.enabled adds its sites to config.nbuservers, and beside a list the exporter leaves config.nbuserver out: move that server into the list, or turn the demo off" -}}
{{- end -}}
{{- $bundle := .Values.tls.caBundle -}}
{{- $bundles := list $bundle.existingConfigMap $bundle.existingSecret $bundle.inline (ternary "openshift" "" .Values.tls.openshiftTrustedCABundle) -}}
{{- if gt (without $bundles "" | len) 1 -}}
{{- fail "the CA bundle has more than one source: set one of tls.caBundle.existingConfigMap, tls.caBundle.existingSecret, tls.caBundle.inline and tls.openshiftTrustedCABundle" -}}
{{- end -}}
{{- range $kind := list "serviceMonitor" "podMonitor" "scrapeConfig" -}}
{{- $monitor := index $.Values $kind -}}
{{- if and $monitor.enabled $monitor.interval $monitor.scrapeTimeout -}}
{{- if gt (include "nbu-exporter.milliseconds" $monitor.scrapeTimeout | int64) (include "nbu-exporter.milliseconds" $monitor.interval | int64) -}}
{{- fail (printf "%s.scrapeTimeout (%s) is longer than %s.interval (%s), which Prometheus refuses: make it at most as long" $kind $monitor.scrapeTimeout $kind $monitor.interval) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A duration as Prometheus writes it (1m30s) in milliseconds. */}}
{{- define "nbu-exporter.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31536000000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" . -1 -}}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .) | int64)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}
