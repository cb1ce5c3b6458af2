{{/* Defaults of the chart beside values of the user must not make an object that Kubernetes refuses: here they are put together. */}}

{{/* A map of whole numbers, each key on its line. Helm reads numbers as floats, and would print a million as 1e+06. */}}
{{- define "nbu-exporter.integers" -}}
{{- $numbers := dict -}}
{{- range $key, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $numbers $key (int64 $value) -}}
{{- end -}}
{{- end -}}
{{- with $numbers -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/* The numbers of the default strategy are for its own type only. */}}
{{- define "nbu-exporter.strategy" -}}
{{- with .Values.strategy -}}
{{- toYaml (ternary . (omit . "rollingUpdate") (eq (.type | default "RollingUpdate") "RollingUpdate")) -}}
{{- end -}}
{{- end -}}

{{/* A probe has one handler: another one takes the place of the chart's httpGet. */}}
{{- define "nbu-exporter.probe" -}}
{{- with . -}}
{{- toYaml (ternary (omit . "httpGet") . (not (empty (pick . "exec" "tcpSocket" "grpc" | values | compact)))) -}}
{{- end -}}
{{- end -}}
