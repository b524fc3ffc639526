extension Page {
    /// The looks of pages, in light and dark, on wide and narrow screens.
    static let css = """
        :root{color-scheme:light dark}
        *{box-sizing:border-box}
        body{margin:0 auto;max-width:960px;padding:24px 20px 64px;background:#fff;color:#1f2328;\
        font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
        h1{font-size:26px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
        h2{font-size:19px;margin:40px 0 12px;padding-bottom:6px;border-bottom:1px solid #d1d9e0}
        p{margin:8px 0;overflow-wrap:anywhere}
        .muted{color:#59636e}
        nav{margin:16px 0 0;display:flex;flex-wrap:wrap;gap:4px 16px}
        a{color:#0550ae}
        dl{display:grid;grid-template-columns:minmax(96px,max-content) 1fr;gap:4px 20px;margin:12px 0}
        dt{color:#59636e}
        dd{margin:0;overflow-wrap:anywhere}
        .wide{overflow-x:auto}
        table{border-collapse:collapse;font-size:13px;min-width:100%}
        th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid #e1e6eb;\
        white-space:nowrap}
        th{color:#59636e;font-weight:600}
        .number{text-align:right;font-variant-numeric:tabular-nums;padding-right:22px}
        figure{margin:20px 0}
        figcaption{margin-bottom:8px}
        pre{background:#f6f8fa;border-radius:6px;padding:12px 14px;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,\
        "SFMono-Regular",Menlo,"DejaVu Sans Mono",monospace}
        details{margin:12px 0}
        summary{cursor:pointer;color:#0550ae}
        footer{margin-top:48px;font-size:13px}
        /* Pictures shrink a little, then scroll: texts must stay legible. */
        code{font:13px/1.5 ui-monospace,"SFMono-Regular",Menlo,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
        pre code{overflow-wrap:normal}
        small{display:block;font-size:12.5px;color:#59636e;white-space:normal;overflow-wrap:anywhere;max-width:64ch}
        .mark,.good,.bad{display:inline-block;font-size:12px;line-height:18px;padding:0 7px;border-radius:9px;\
        border:1px solid #d1d9e0;color:#59636e}
        .good{border-color:#1a7f37;color:#1a7f37}
        .bad{border-color:#cf222e;color:#cf222e}
        .marked td{background:#fff8c5}
        .hidden{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
        button,select,input[type=search]{font:inherit;color:inherit;background:#fff;border:1px solid #d1d9e0;\
        border-radius:6px;padding:5px 10px}
        button{background:#f6f8fa;cursor:pointer;font-weight:500}
        button:hover{background:#eaeef2}
        input[type=checkbox]{width:16px;height:16px;margin:2px 0 0;accent-color:#0550ae}
        .fields{display:flex;flex-wrap:wrap;gap:10px 14px;align-items:end;margin:12px 0 20px}
        .fields label{display:flex;flex-direction:column;gap:3px;font-size:13px;color:#59636e}
        .fields label:first-child{flex:1 1 260px}
        .fields input,.fields select{color:#1f2328;font-size:15px;min-width:0;width:100%}
        .choice{margin:14px 0}
        img{display:block;max-width:max(100%,560px);height:auto;min-height:40px}
        .top{display:flex;justify-content:space-between;gap:16px;padding-bottom:12px;margin-bottom:28px;\
        border-bottom:1px solid #d1d9e0}
        .top nav{display:block;margin:0;overflow-wrap:anywhere}
        .top a{text-decoration:none}
        .top a:hover{text-decoration:underline}
        .tabs{gap:4px;border-bottom:1px solid #d1d9e0;margin-top:18px}
        .tabs a{padding:6px 12px;text-decoration:none;color:inherit;border-radius:6px 6px 0 0}
        .tabs a:hover{background:#f6f8fa}
        .tabs a[aria-current]{font-weight:600;box-shadow:inset 0 -2px #0969da}
        .served{max-width:1080px}
        .served td a{text-decoration:none}
        .served th:first-child,.served td:first-child{padding-left:8px}
        .served td small:only-child{font-size:13px;color:inherit}
        .fields input,.fields select,.fields button{height:36px}
        .served td a:hover{text-decoration:underline}
        .chart{display:block;max-width:max(100%,560px);height:auto}
        @media (prefers-color-scheme:dark){
        body{background:#0d1117;color:#e6edf3}
        h2{border-color:#30363d}
        .muted,dt,th{color:#9198a1}
        a,summary{color:#79c0ff}
        th,td{border-color:#262c36}
        pre{background:#161b22}
        small,.mark{color:#9198a1}
        .mark{border-color:#30363d}
        .good{border-color:#3fb950;color:#3fb950}
        .bad{border-color:#f85149;color:#f85149}
        .marked td{background:#2b2611}
        button,select,input[type=search]{background:#0d1117;border-color:#30363d}
        button{background:#21262d}
        button:hover{background:#2d333b}
        input[type=checkbox]{accent-color:#79c0ff}
        .fields label{color:#9198a1}
        .fields input,.fields select{color:#e6edf3}
        .top,.tabs{border-color:#30363d}
        .tabs a{color:inherit}
        .tabs a:hover{background:#161b22}
        .tabs a[aria-current]{box-shadow:inset 0 -2px #58a6ff}
        }
        @media (max-width:440px){
        body{padding:16px 14px 48px}
        dl{grid-template-columns:1fr;gap:0}
        dd{margin-bottom:8px}
        }
        @media print{.wide{overflow:visible}nav{display:none}}

        """
}
