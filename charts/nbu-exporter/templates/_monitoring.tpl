{{/* (dict "root" . "monitor" MAP): the endpoint of a ServiceMonitor or PodMonitor. */}}
{{- define "nbu-exporter.endpoint" -}}
port: http-metrics
path: {{ include "nbu-exporter.metricsPath" .root | quote }}
{{- $endpoint := pick .monitor "interval" "scrapeTimeout" "honorLabels" "relabelings" "metricRelabelings" "scheme" "tlsConfig" "basicAuth" "authorization" "proxyUrl" }}
{{ include "nbu-exporter.given" $endpoint }}
{{- end -}}

{{/* What a ServiceMonitor and a PodMonitor say about all their endpoints. */}}
{{- define "nbu-exporter.monitorLimits" -}}
{{- include "nbu-exporter.given" (pick . "jobLabel" "targetLabels" "podTargetLabels" "sampleLimit" "targetLimit" "labelLimit") -}}
{{- end -}}

{{/* The keys of a map that hold something. */}}
{{- define "nbu-exporter.given" -}}
{{- $given := dict -}}
{{- range $key, $value := . -}}
{{- if $value -}}
{{- $_ := set $given $key $value -}}
{{- end -}}
{{- end -}}
{{- with $given -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}
